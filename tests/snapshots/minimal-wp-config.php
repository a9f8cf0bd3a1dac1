<?php

// Written by aegir for a.example; a change by hand is drift. Your own settings belong into local.wp-config.php beside it.
// While its database or code is exchanged the site's visitors wait, and its own programs rest (deploy/closing.py). A site
// that open_basedir keeps from looking is closed by its web server instead.
$aegir_door = $_SERVER['HTTP_X_AEGIR_DOOR'] ?? '';
if (@is_file('/var/lib/aegir/updating/a.example') && !(PHP_SAPI === 'cli' ? getenv('AEGIR_COPY') : is_string($aegir_door) && preg_match('/^[0-9a-f]{32}$/D', $aegir_door) && @is_file('/var/lib/aegir/closed/a.example.' . $aegir_door))) {
  if (PHP_SAPI === 'cli') {
    file_put_contents('php://stderr', "This site is being updated. Try again in a minute.\n");
    exit(75);
  }
  for ($aegir_wait = 0; $aegir_wait < 500 && @is_file('/var/lib/aegir/updating/a.example'); $aegir_wait++) {
    usleep(50000);
    clearstatcache(TRUE, '/var/lib/aegir/updating/a.example');
  }
  header('Cache-Control: no-store');
  if (@is_file('/var/lib/aegir/updating/a.example')) {
    header('Retry-After: 30', TRUE, 503);
    exit("This site is being updated. Please come again in a moment.\n");
  }
  // What this process has begun with may be of before: the visitor asks again, with the same method and form.
  header('Location: /' . ltrim($_SERVER['REQUEST_URI'] ?? '', '/\\'), TRUE, 307);
  exit;
}
unset($aegir_door);
// An update is tried on a copy of the database: its program is told which, in a file that is the site's alone.
$aegir_copy = PHP_SAPI === 'cli' && getenv('AEGIR_COPY') ? json_decode((string) file_get_contents(getenv('AEGIR_COPY')), TRUE) : [];
if ($aegir_copy) {
  // PHP keeps the first definition of a constant, and warns of the second one.
  define('DB_NAME', $aegir_copy['database']);
  define('DB_USER', $aegir_copy['username']);
  define('DB_PASSWORD', $aegir_copy['password']);
  $aegir_level = error_reporting(error_reporting() & ~E_WARNING);
}
define('DB_NAME', 'a_example_xdtukm3rua');
define('DB_USER', 'a_example_xdtukm3rua');
define('DB_PASSWORD', 'password');
if ($aegir_copy) {
  error_reporting($aegir_level);
}
unset($aegir_copy, $aegir_level);
define('DB_HOST', '10.0.0.3:3306');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';
// Eight keys from one secret, as different from each other as HMAC makes them.
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $aegir_key) {
  define($aegir_key, hash_hmac('sha256', $aegir_key, 'salt'));
}
unset($aegir_key);
define('UPLOADS', 'sites/a.example/files');
define('WP_TEMP_DIR', '/var/aegir/platforms/.sites/a.example/tmp');
// Your own settings come first: PHP takes the first definition of a constant. What stands above is the site's place.
if (is_readable(__DIR__ . '/local.wp-config.php')) {
  include __DIR__ . '/local.wp-config.php';
}
// The constants would hold for every site of a network. There they are the main site's own, whatever its database says.
if (defined('MULTISITE') && MULTISITE) {
  foreach (['option_home', 'option_siteurl'] as $aegir_hook) {
    $wp_filter[$aegir_hook][10]['aegir'] = ['accepted_args' => 1, 'function' => function ($value) {
      return get_current_blog_id() === (defined('BLOG_ID_CURRENT_SITE') ? (int) BLOG_ID_CURRENT_SITE : 1) ? 'http://a.example' : $value;
    }];
  }
  unset($aegir_hook);
}
else {
  defined('WP_HOME') || define('WP_HOME', 'http://a.example');
  defined('WP_SITEURL') || define('WP_SITEURL', 'http://a.example');
}
// Code is the platform's: it changes with a release and on every web server alike.
defined('DISALLOW_FILE_MODS') || define('DISALLOW_FILE_MODS', true);
defined('AUTOMATIC_UPDATER_DISABLED') || define('AUTOMATIC_UPDATER_DISABLED', true);
// Site Health asks whether WordPress can update its own code, which it is not to do here. WordPress takes what stands in $wp_filter before it begins as hooks.
$wp_filter['site_status_tests'][10]['aegir'] = ['accepted_args' => 1, 'function' => function (array $tests): array {
  unset($tests['async']['background_updates'], $tests['direct']['update_temp_backup_writable'], $tests['direct']['available_updates_disk_space']);
  return $tests;
}];
// A timer of the machine's runs what is due; no visitor waits for it.
defined('DISABLE_WP_CRON') || define('DISABLE_WP_CRON', true);
defined('WP_DEBUG') || define('WP_DEBUG', false);
// A one-time login that the hub has made (aegir login); `key` would be WordPress's own, of a lost password.
if (($_GET['action'] ?? '') === 'aegir') {
  $wp_filter['login_form_aegir'][10]['aegir'] = ['accepted_args' => 0, 'function' => function (): void {
    $account = get_user_by('id', (int) ($_GET['user'] ?? 0));
    $kept = $account ? get_user_meta($account->ID, 'aegir_login', true) : '';
    list($until, $proof) = explode(':', (is_string($kept) ? $kept : '') . ':');
    $right = $proof !== '' && hash_equals($proof, hash('sha256', is_string($_GET['token'] ?? NULL) ? $_GET['token'] : ''));
    // Of two at once, only one gets to delete it.
    if (!$right || time() > (int) $until || !delete_user_meta($account->ID, 'aegir_login', $kept)) {
      wp_die('This login was used already, has ended, or never was.', '', ['response' => 403]);
    }
    wp_set_auth_cookie($account->ID);
    wp_safe_redirect(admin_url());
    exit;
  }];
}
require_once ABSPATH . 'wp-settings.php';
