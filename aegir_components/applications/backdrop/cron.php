<?php
// Runs the cron of a Backdrop site, by core's own function. Site and document root are in the environment.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$site = getenv('AEGIR_HOST');
$docroot = realpath(getenv('AEGIR_DOCROOT'));
chdir($docroot);
define('BACKDROP_ROOT', $docroot);
$_SERVER['SERVER_NAME'] = $site;
// Links are made of these.
[$scheme, $_SERVER['HTTP_HOST']] = explode('://', getenv('AEGIR_URL'));
if ($scheme === 'https') {
  $_SERVER['HTTPS'] = 'on';
}
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/core/cron.php';
$_SERVER['SCRIPT_FILENAME'] = $docroot . '/core/cron.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['HTTP_USER_AGENT'] = 'aegir';
// Core takes a program for one of the command line, which gets no page that is kept, where this is empty.
$_SERVER['SERVER_SOFTWARE'] = '';
require_once BACKDROP_ROOT . '/core/includes/bootstrap.inc';
backdrop_bootstrap(BACKDROP_BOOTSTRAP_FULL);
if (!backdrop_cron_run()) {
  fwrite(STDERR, "cron of $site did not run: another run is at work, or was and did not end\n");
  exit(5);
}
