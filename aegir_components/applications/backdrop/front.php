<?php
// Makes the front page of a Backdrop site, as a visitor gets it. Input: front-page.php and boot.php.
$aegir_page['database'] = (string) db_query('SELECT DATABASE()')->fetchField();
register_shutdown_function(function () use (&$aegir_page) {
  $aegir_page['headers'] = backdrop_get_http_header();
});
menu_execute_active_handler();
