<?php
// Makes the front page of a WordPress site, as a visitor gets it. Input: front-page.php and boot.php.
$aegir_page['database'] = (string) $GLOBALS['wpdb']->get_var('SELECT DATABASE()');
add_filter('wp_redirect', function ($location) use (&$aegir_page) {
  $aegir_page['headers'] = ['location' => $location, 'x-redirect-by' => 'WordPress'];
  return $location;
}, PHP_INT_MAX);
// The address of the front page; with the program's name WordPress would redirect to it.
$_SERVER['REQUEST_URI'] = '/';
define('WP_USE_THEMES', TRUE);
wp();
require_once ABSPATH . WPINC . '/template-loader.php';
