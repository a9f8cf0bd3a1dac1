<?php
// Installs a WordPress site by its own functions. Input: $in, and what open-database.php gives.
// Never touches a database that has tables.
if ($tables) {
  // wp_install() ends with the rewrite rules and the administrator's account.
  $done = FALSE;
  if (in_array('wp_options', $tables, TRUE) && in_array('wp_usermeta', $tables, TRUE)) {
    $done = (bool) $pdo->query("SELECT 1 FROM wp_options WHERE option_name = 'siteurl'")->fetchColumn()
      && (bool) $pdo->query("SELECT 1 FROM wp_usermeta WHERE meta_key = 'wp_capabilities'")->fetchColumn();
  }
  echo $done ? "::present\n" : '::half ' . count($tables) . "\n";
  exit(0);
}
$pdo = NULL;

chdir($in['docroot']);
$_SERVER['HTTP_HOST'] = $_SERVER['SERVER_NAME'] = $in['host'];
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
define('WP_INSTALLING', TRUE);
// WordPress takes the first definition: no mail goes out.
function wp_mail() {
  return TRUE;
}
ob_start();
require $in['docroot'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
// WordPress itself is in en_US, and has no file for it.
$language = in_array($in['language'], ['en', 'en_US'], TRUE) ? '' : $in['language'];
if ($language) {
  // As its own installation page does, so that the first content is in it.
  load_default_textdomain($language);
  $GLOBALS['wp_locale'] = new WP_Locale();
}
// With slashes, as its own installation page hands it over.
$result = wp_install($in['title'], $in['admin'], $in['mail'], TRUE, '', wp_slash($in['password']), $language);
if (is_wp_error($result) || empty($result['user_id'])) {
  ob_end_clean();
  fwrite(STDERR, 'wp_install: ' . (is_wp_error($result) ? $result->get_error_message() : 'no account was made') . "\n");
  exit(4);
}
// Its own test of readable addresses asks over HTTP, which may fail where our web servers have them all the same.
$GLOBALS['wp_rewrite']->set_permalink_structure('/%year%/%monthnum%/%day%/%postname%/');
$GLOBALS['wp_rewrite']->flush_rules(FALSE);
ob_end_clean();
echo "::installed\n";
