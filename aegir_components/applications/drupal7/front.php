<?php
// Makes the front page of a Drupal 7 site, as a visitor gets it. Input: front-page.php and boot.php.
// A page runs cron when that was long ago, and cron of an old database removes files that are in use by now.
$GLOBALS['conf']['cron_safe_threshold'] = 0;
$aegir_page['database'] = (string) db_query('SELECT DATABASE()')->fetchField();
register_shutdown_function(function () use (&$aegir_page) {
  $aegir_page['headers'] = drupal_get_http_header();
});
menu_execute_active_handler();
