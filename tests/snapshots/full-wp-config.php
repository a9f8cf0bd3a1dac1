<?php

// Written by aegir for www.example.com; a change by hand is drift. Your own settings belong into local.wp-config.php beside it.
// While its database or code is exchanged the site's visitors wait, and its own programs rest (deploy/closing.py). A site
// that open_basedir keeps from looking is closed by its web server instead.
$aegir_door = $_SERVER['HTTP_X_AEGIR_DOOR'] ?? '';
if (@is_file('/var/lib/aegir/updating/www.example.com') && !(PHP_SAPI === 'cli' ? getenv('AEGIR_COPY') : is_string($aegir_door) && preg_match('/^[0-9a-f]{32}$/D', $aegir_door) && @is_file('/var/lib/aegir/closed/www.example.com.' . $aegir_door))) {
  if (PHP_SAPI === 'cli') {
    file_put_contents('php://stderr', "This site is being updated. Try again in a minute.\n");
    exit(75);
  }
  for ($aegir_wait = 0; $aegir_wait < 500 && @is_file('/var/lib/aegir/updating/www.example.com'); $aegir_wait++) {
    usleep(50000);
    clearstatcache(TRUE, '/var/lib/aegir/updating/www.example.com');
  }
  header('Cache-Control: no-store');
  if (@is_file('/var/lib/aegir/updating/www.example.com')) {
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
define('DB_NAME', 'www_example_com_qd6a7ojgnw');
define('DB_USER', 'www_example_com_qd6a7ojgnw');
define('DB_PASSWORD', 'Pa55word');
if ($aegir_copy) {
  error_reporting($aegir_level);
}
unset($aegir_copy, $aegir_level);
define('DB_HOST', '10.0.0.3:3307');
// WordPress has no setting for an authority. OpenSSL takes it from the environment where nobody names one, and the second
// flag (mysqlnd's CLIENT_SSL_VERIFY_SERVER_CERT, which has no name in PHP) verifies the server and its name with it.
putenv('SSL_CERT_FILE=' . '/var/lib/aegir/database-ca/10.0.0.3.crt');
define('MYSQL_CLIENT_FLAGS', MYSQLI_CLIENT_SSL | 1 << 30);
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = 'wp_';
// Eight keys from one secret, as different from each other as HMAC makes them.
foreach (['AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT'] as $aegir_key) {
  define($aegir_key, hash_hmac('sha256', $aegir_key, 'salt'));
}
unset($aegir_key);
// What a request says of its visitor is believed when it comes from one of these proxies, and from nobody else.
$aegir_proxies = [
  '10.0.0.0/23',
  '10.9.0.1',
  '2001:db8::/33',
];
$aegir_is_proxy = function ($address) use ($aegir_proxies) {
  $packed = is_string($address) ? @inet_pton($address) : FALSE;
  foreach ($packed === FALSE ? [] : $aegir_proxies as $network) {
    [$base, $bits] = explode('/', $network) + [1 => 8 * strlen($packed)];
    $base = inet_pton($base);
    $whole = intdiv((int) $bits, 8);
    $mask = chr(0xff00 >> ((int) $bits % 8) & 0xff);
    if (
      strlen($base) === strlen($packed) && !strncmp($base, $packed, $whole)
      && ((int) $bits % 8 === 0 || ($base[$whole] & $mask) === ($packed[$whole] & $mask))
    ) {
      return TRUE;
    }
  }
  return FALSE;
};
$aegir_proxied = $aegir_is_proxy($_SERVER['REMOTE_ADDR'] ?? NULL);
if ($aegir_proxied && strtolower($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {
  $_SERVER['HTTPS'] = 'on';
}
if ($aegir_proxied) {
  // The last one that is no proxy of ours is whom they saw; what stands before it anybody may have written.
  $aegir_seen = array_map('trim', explode(',', $_SERVER['HTTP_X_FORWARDED_FOR'] ?? ''));
  while ($aegir_seen && $aegir_is_proxy(end($aegir_seen))) {
    array_pop($aegir_seen);
  }
  if ($aegir_seen && filter_var(end($aegir_seen), FILTER_VALIDATE_IP)) {
    $_SERVER['REMOTE_ADDR'] = end($aegir_seen);
  }
  unset($aegir_seen);
}
define('UPLOADS', 'sites/www.example.com/files');
define('WP_TEMP_DIR', '/var/aegir/platforms/.sites/www.example.com/tmp');
// Your own settings come first: PHP takes the first definition of a constant. What stands above is the site's place.
if (is_readable(__DIR__ . '/local.wp-config.php')) {
  include __DIR__ . '/local.wp-config.php';
}
// The constants would hold for every site of a network. There they are the main site's own, whatever its database says.
if (defined('MULTISITE') && MULTISITE) {
  // WordPress knows a network by its name, and no port but 80 and 443.
  if (isset($_SERVER['HTTP_HOST']) && strpos(defined('DOMAIN_CURRENT_SITE') ? DOMAIN_CURRENT_SITE : '', ':') === FALSE) {
    $_SERVER['HTTP_HOST'] = preg_replace('/:[0-9]+$/', '', $_SERVER['HTTP_HOST']);
  }
  foreach (['option_home', 'option_siteurl'] as $aegir_hook) {
    $wp_filter[$aegir_hook][10]['aegir'] = ['accepted_args' => 1, 'function' => function ($value) {
      return get_current_blog_id() === (defined('BLOG_ID_CURRENT_SITE') ? (int) BLOG_ID_CURRENT_SITE : 1) ? 'http://www.example.com:8080' : $value;
    }];
  }
  unset($aegir_hook);
}
else {
  defined('WP_HOME') || define('WP_HOME', 'http://www.example.com:8080');
  defined('WP_SITEURL') || define('WP_SITEURL', 'http://www.example.com:8080');
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
