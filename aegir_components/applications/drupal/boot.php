<?php
// Starts a Drupal 8 or later site for what comes after it. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
$loader = require $in['docroot'] . '/autoload.php';
// Without a script's name Drupal looks for no site's directory but sites/default.
$server = ['SCRIPT_NAME' => '/index.php', 'SCRIPT_FILENAME' => $in['docroot'] . '/index.php'];
// Addresses are made of the request's.
$request = Symfony\Component\HttpFoundation\Request::create(($in['url'] ?? 'http://' . $in['host']) . '/', 'GET', [], [], [], $server);
$kernel = Drupal\Core\DrupalKernel::createFromRequest($request, $loader, 'prod');
$kernel->boot();
$kernel->preHandle($request);
