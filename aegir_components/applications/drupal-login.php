<?php
// Makes a one-time login of a Drupal 8 or later site, by core's own functions: good for a day, and until it is used. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
$loader = require $in['docroot'] . '/autoload.php';
// Without a script's name Drupal looks for no site's directory but sites/default.
$server = ['SCRIPT_NAME' => '/index.php', 'SCRIPT_FILENAME' => $in['docroot'] . '/index.php'];
$request = Symfony\Component\HttpFoundation\Request::create($in['url'] . '/', 'GET', [], [], [], $server);
$kernel = Drupal\Core\DrupalKernel::createFromRequest($request, $loader, 'prod');
$kernel->boot();
$kernel->preHandle($request);
$storage = Drupal::entityTypeManager()->getStorage('user');
$found = $in['account'] === '' ? [$storage->load(1)] : $storage->loadByProperties(['name' => $in['account']]);
$account = reset($found);
if (!$account || !$account->isActive()) {
  $who = $in['account'] === '' ? 'number 1' : "named {$in['account']}";
  fwrite(STDERR, "the site has no account $who" . ($account ? ' that is not blocked' : '') . "\n");
  exit(4);
}
echo '::link ' . user_pass_reset_url($account) . "/login\n";
