<?php
// Runs the cron of a Drupal 7 site, by core's own function. Site and document root are in the environment.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$site = getenv('AEGIR_HOST');
$docroot = realpath(getenv('AEGIR_DOCROOT'));
chdir($docroot);
define('DRUPAL_ROOT', $docroot);
$_SERVER['SERVER_NAME'] = $site;
// Links are made of these.
[$scheme, $_SERVER['HTTP_HOST']] = explode('://', getenv('AEGIR_URL'));
if ($scheme === 'https') {
  $_SERVER['HTTPS'] = 'on';
}
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/cron.php';
$_SERVER['SCRIPT_FILENAME'] = $docroot . '/cron.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['SERVER_SOFTWARE'] = $_SERVER['HTTP_USER_AGENT'] = 'aegir';
require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
if (!drupal_cron_run()) {
  fwrite(STDERR, "cron of $site did not run: another run is at work, or was and did not end\n");
  exit(5);
}
