<?php
// Runs what is due on a WordPress site, by its own wp-cron.php. Site and document root are in the environment.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$docroot = realpath(getenv('AEGIR_DOCROOT'));
chdir($docroot);
$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = getenv('AEGIR_HOST');
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/wp-cron.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require $docroot . '/wp-cron.php';
