<?php
// Starts a Backdrop site for what comes after it, which ends the buffer of what the site prints. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
define('BACKDROP_ROOT', $in['docroot']);
// Links are made of these.
[$aegir_scheme, $_SERVER['HTTP_HOST']] = explode('://', $in['url'] ?? 'http://' . $in['host']);
if ($aegir_scheme === 'https') {
  $_SERVER['HTTPS'] = 'on';
}
$_SERVER['SERVER_NAME'] = $in['host'];
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $in['docroot'] . '/index.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['HTTP_USER_AGENT'] = 'aegir';
// Core takes a program for one of the command line, which gets no page that is kept, where this is empty.
$_SERVER['SERVER_SOFTWARE'] = '';
ob_start();
require_once BACKDROP_ROOT . '/core/includes/bootstrap.inc';
backdrop_bootstrap(BACKDROP_BOOTSTRAP_FULL);
