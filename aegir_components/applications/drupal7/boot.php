<?php
// Starts a Drupal 7 site for what comes after it, which ends the buffer of what the site prints. Input: $in.
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
