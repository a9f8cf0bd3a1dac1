<?php
// Makes a one-time login of a Drupal 7 site, by core's own functions: good for a day, and until it is used. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
define('DRUPAL_ROOT', $in['docroot']);
$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = $in['host'];
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $in['docroot'] . '/index.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['SERVER_SOFTWARE'] = $_SERVER['HTTP_USER_AGENT'] = 'aegir';
ob_start();
require_once DRUPAL_ROOT . '/includes/bootstrap.inc';
drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);
// Addresses are made of it; here no request says whether it came by TLS.
$GLOBALS['base_url'] = $in['url'];
$account = $in['account'] === '' ? user_load(1) : user_load_by_name($in['account']);
$link = $account && $account->status ? user_pass_reset_url($account) : '';
ob_end_clean();
if (!$link) {
  $who = $in['account'] === '' ? 'number 1' : "named {$in['account']}";
  fwrite(STDERR, "the site has no account $who" . ($account ? ' that is not blocked' : '') . "\n");
  exit(4);
}
echo "::link $link/login\n";
