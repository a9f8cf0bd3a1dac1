<?php
// Gives an account of a WordPress site a password, by its own functions. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = $in['host'];
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
ob_start();
require $in['docroot'] . '/wp-load.php';
$account = get_user_by('login', $in['admin']);
// The login form compares the password with slashes added, as WordPress adds them to all that is posted.
if ($account) {
  wp_set_password(wp_slash($in['password']), $account->ID);
}
ob_end_clean();
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
echo "::changed\n";
