<?php
// Gives an account of a Drupal 8 or later site a password, by core's own functions. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
$loader = require $in['docroot'] . '/autoload.php';
// Without a script's name Drupal looks for no site's directory but sites/default.
$server = ['SCRIPT_NAME' => '/index.php', 'SCRIPT_FILENAME' => $in['docroot'] . '/index.php'];
$request = Symfony\Component\HttpFoundation\Request::create('http://' . $in['host'] . '/', 'GET', [], [], [], $server);
$kernel = Drupal\Core\DrupalKernel::createFromRequest($request, $loader, 'prod');
$kernel->boot();
$kernel->preHandle($request);
$found = Drupal::entityTypeManager()->getStorage('user')->loadByProperties(['name' => $in['admin']]);
$account = reset($found);
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
$account->setPassword($in['password'])->save();
echo "::changed\n";
