<?php

// Written by aegir for www.example.com; a change by hand is drift. Your own settings belong into local.settings.php beside it.
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
$databases['default']['default'] = [
  'driver' => 'mysql',
  'database' => 'www_example_com_qd6a7ojgnw',
  'username' => 'www_example_com_qd6a7ojgnw',
  'password' => 'Pa55word',
  'host' => '10.0.0.3',
  'port' => 3307,
  'prefix' => '',
  'pdo' => [PDO::MYSQL_ATTR_SSL_CA => '/var/lib/aegir/database-ca/10.0.0.3.crt', PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => TRUE],
  'charset' => 'utf8mb4',
  'collation' => 'utf8mb4_general_ci',
  'init_commands' => ['isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
];
$settings['hash_salt'] = 'salt';
// The active configuration is the site's data, like its database: outside of the release, and backed up with its files.
$config_directories['active'] = '/var/aegir/platforms/.sites/www.example.com/config/active';
// An update is tried on a copy of it, as on a copy of the database.
if ($aegir_copy && is_dir($config_directories['active'] . '.next')) {
  $config_directories['active'] .= '.next';
}
$config_directories['staging'] = '/var/aegir/platforms/.sites/www.example.com/config/staging';
$settings['trusted_host_patterns'] = [
  '^www\\.example\\.com(:[0-9]+)?$',
  '^example\\.com(:[0-9]+)?$',
  '^example\\.org(:[0-9]+)?$',
  '^xn\\-\\-bcher\\-kva\\.example(:[0-9]+)?$',
];
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
$settings['reverse_proxy'] = $aegir_proxied;
// Backdrop compares whole addresses: of networks, those are named that this request came through.
$settings['reverse_proxy_addresses'] = array_values(array_filter(
  array_map('trim', explode(',', ($_SERVER['HTTP_X_FORWARDED_FOR'] ?? '') . ',' . ($_SERVER['REMOTE_ADDR'] ?? ''))),
  $aegir_is_proxy
));
$config['system.core']['file_public_path'] = 'sites/www.example.com/files';
$config['system.core']['file_private_path'] = '/var/aegir/platforms/.sites/www.example.com/private';
$config['system.core']['file_temporary_path'] = '/var/aegir/platforms/.sites/www.example.com/tmp';
// A timer of the machine's runs cron; no visitor waits for it.
$config['system.core']['cron_safe_threshold'] = 0;
$settings['update_free_access'] = FALSE;
// Code is the platform's: it changes with a release and on every web server alike.
$settings['allow_authorize_operations'] = FALSE;
$settings['backdrop_drupal_compatibility'] = TRUE;
// What core proposes for files that are not there: a page of some bytes instead of a whole one.
$settings['404_fast_paths_exclude'] = '/\/(?:styles)|(?:system\/files)\//';
$settings['404_fast_paths'] = '/\.(?:txt|png|gif|jpe?g|css|js|ico|swf|flv|cgi|bat|pl|dll|exe|asp)$/i';
$settings['404_fast_html'] = '<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>';
if (is_readable(__DIR__ . '/local.settings.php')) {
  include __DIR__ . '/local.settings.php';
}
if ($aegir_copy) {
  $databases['default']['default'] = $aegir_copy + $databases['default']['default'];
}
unset($aegir_copy);
