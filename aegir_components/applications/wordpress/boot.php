<?php
// Starts a WordPress site for what comes after it, which ends the buffer of what the site prints. Input: $in.
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
