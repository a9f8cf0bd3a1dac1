<?php
// Runs the cron of a Drupal 8 or later site, by core's own service. Site and document root are in the environment.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$site = getenv('AEGIR_HOST');
$docroot = realpath(getenv('AEGIR_DOCROOT'));
chdir($docroot);
$loader = require $docroot . '/autoload.php';
// Without a script's name Drupal looks for no site's directory but sites/default.
$server = ['SCRIPT_NAME' => '/index.php', 'SCRIPT_FILENAME' => $docroot . '/index.php'];
$request = Symfony\Component\HttpFoundation\Request::create(getenv('AEGIR_URL') . '/', 'GET', [], [], [], $server);
$kernel = Drupal\Core\DrupalKernel::createFromRequest($request, $loader, 'prod');
$kernel->boot();
$kernel->preHandle($request);
if (!Drupal::service('cron')->run()) {
  fwrite(STDERR, "cron of $site did not run: another run is at work, or was and did not end\n");
  exit(5);
}
