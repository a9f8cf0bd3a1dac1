<?php
// Gives a WordPress site's database the form that its code needs, by core's own functions, as upgrade.php does. Input: $in.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
define('WP_INSTALLING', TRUE);
$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = $in['host'];
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/wp-admin/upgrade.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require $in['docroot'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
nocache_headers();
delete_site_transient('update_core');
global $wp_db_version, $wpdb, $EZSQL_ERROR;
$aegir_blogs = is_multisite() ? get_sites(['number' => 0, 'fields' => 'ids', 'orderby' => 'id']) : [0];
foreach ($aegir_blogs as $aegir_blog) {
  if ($aegir_blog) {
    switch_to_blog($aegir_blog);
  }
  $aegir_has = (int) get_option('db_version');
  $aegir_begun = microtime(TRUE);
  wp_upgrade();
  // Options are kept in memory.
  wp_cache_flush();
  $aegir_is = (int) get_option('db_version');
  $aegir_name = 'database:' . $aegir_has . '-' . $wp_db_version . ($aegir_blog ? ':site-' . $aegir_blog : '');
  if ($aegir_is !== (int) $wp_db_version) {
    $aegir_said = $wpdb->last_error !== '' ? $wpdb->last_error : 'the database still says ' . $aegir_is;
    echo "\n::failed $aegir_name " . base64_encode($aegir_said) . "\n";
    exit(4);
  }
  if ($aegir_has !== $aegir_is) {
    echo "\n::ran $aegir_name " . base64_encode(sprintf('%.1f', microtime(TRUE) - $aegir_begun)) . "\n";
  }
  if ($aegir_blog) {
    restore_current_blog();
  }
}
// WordPress passes over errors of its statements: they are told.
foreach ((array) $EZSQL_ERROR as $aegir_error) {
  echo "\n::warned database " . base64_encode(substr($aegir_error['error_str'] ?? '', 0, 300)) . "\n";
}
echo "\n::done\n";
