<?php
// Reads a site's own settings, as its application does. Input: $in. Gives $db, $paths and $own; prints nothing.
error_reporting(0);
ini_set('display_errors', '0');
chdir($in['docroot']);
$db = $paths = $own = [];
$site_path = 'sites/' . $in['site'];
$app_root = getcwd();
ob_start();
if ($in['application'] === 'wordpress') {
  $file = getcwd() . '/wp-config.php';
  // WordPress itself takes the one beside the document root.
  $file = is_file($file) ? $file : dirname(getcwd()) . '/wp-config.php';
  $text = (string) @file_get_contents($file);
  $text = aegir_without_start($text);
  $text = strtr($text, ['__FILE__' => var_export($file, TRUE), '__DIR__' => var_export(dirname($file), TRUE)]);
  defined('ABSPATH') || define('ABSPATH', getcwd() . '/');
  // If a statement is not recognised and starts WordPress, WordPress returns before it loads plugins and themes.
  defined('SHORTINIT') || define('SHORTINIT', TRUE);
  try {
    eval('?>' . $text);
  }
  catch (Throwable $fault) {
    $in['fault'] = get_class($fault);
  }
  if (defined('DB_NAME')) {
    list($host, $port, $socket) = explode(':', DB_HOST, 3) + ['', '', ''];
    if ($port !== '' && !ctype_digit($port)) {
      $socket = $port . ($socket === '' ? '' : ":$socket");
      $port = '';
    }
    $db = ['driver' => 'mysql', 'name' => DB_NAME, 'user' => DB_USER, 'password' => DB_PASSWORD, 'host' => $host,
      'port' => $port, 'socket' => $socket, 'prefix' => isset($table_prefix) ? $table_prefix : 'wp_'];
  }
  $content = defined('WP_CONTENT_DIR') ? WP_CONTENT_DIR : getcwd() . '/wp-content';
  $paths['public'] = defined('UPLOADS') ? ABSPATH . UPLOADS : "$content/uploads";
  $own['network'] = defined('MULTISITE') && MULTISITE;
  $known = ['DB_NAME', 'DB_USER', 'DB_PASSWORD', 'DB_HOST', 'DB_CHARSET', 'DB_COLLATE', 'ABSPATH', 'AUTH_KEY', 'SECURE_AUTH_KEY',
    'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT', 'WP_DEBUG', 'SHORTINIT'];
  $declared = get_defined_constants(TRUE);
  $own['settings'] = array_values(array_diff(array_keys(isset($declared['user']) ? $declared['user'] : []), $known));
}
else {
  if ($in['application'] === 'backdrop') {
    // A site that is alone in its code base has its settings in the document root.
    $site_path = is_file("$site_path/settings.php") ? $site_path : '.';
    defined('BACKDROP_ROOT') || define('BACKDROP_ROOT', getcwd());
  }
  defined('DRUPAL_ROOT') || define('DRUPAL_ROOT', getcwd());
  $databases = $conf = $settings = $config = $config_directories = [];
  try {
    if ($in['application'] === 'drupal') {
      include_once 'autoload.php';
    }
    include "$site_path/settings.php";
  }
  catch (Throwable $fault) {
    $in['fault'] = get_class($fault);
  }
  if ($in['application'] === 'backdrop' && empty($databases) && isset($database) && is_string($database)) {
    $given = (array) parse_url($database) + ['scheme' => '', 'path' => '/', 'user' => '', 'pass' => '', 'host' => 'localhost', 'port' => ''];
    $databases['default']['default'] = ['driver' => $given['scheme'], 'database' => rawurldecode(substr($given['path'], 1)),
      'username' => rawurldecode($given['user']), 'password' => rawurldecode($given['pass']), 'host' => $given['host'],
      'port' => $given['port'], 'prefix' => isset($database_prefix) && is_string($database_prefix) ? $database_prefix : ''];
  }
  if (!empty($databases['default']['default'])) {
    $given = $databases['default']['default'] + ['driver' => '', 'database' => '', 'username' => '', 'password' => '',
      'host' => 'localhost', 'port' => '', 'unix_socket' => '', 'prefix' => ''];
    $prefix = $given['prefix'];
    $db = ['driver' => $given['driver'], 'name' => $given['database'], 'user' => $given['username'],
      'password' => $given['password'], 'host' => $given['host'], 'port' => (string) $given['port'],
      'socket' => (string) $given['unix_socket'],
      'prefix' => is_array($prefix) ? (string) reset($prefix) : (string) $prefix];
  }
  if ($in['application'] === 'drupal') {
    $paths['public'] = isset($settings['file_public_path']) ? $settings['file_public_path'] : "$site_path/files";
    $paths['private'] = isset($settings['file_private_path']) ? $settings['file_private_path'] : '';
    $paths['config'] = isset($settings['config_sync_directory']) ? $settings['config_sync_directory']
      : (isset($config_directories['sync']) ? $config_directories['sync'] : '');
    $own['salt'] = !empty($settings['hash_salt']);
    $own['settings'] = array_keys($config);
  }
  elseif ($in['application'] === 'backdrop') {
    $active = isset($config_directories['active']) ? (string) $config_directories['active'] : '';
    // As core reads it: a name alone is below the directory of the settings.
    $paths['config'] = $active === '' || strpbrk($active[0], './\\') !== FALSE ? $active : "$site_path/$active";
    $core = json_decode((string) @file_get_contents($paths['config'] . '/system.core.json'), TRUE);
    $core = (isset($config['system.core']) ? (array) $config['system.core'] : []) + (is_array($core) ? $core : []);
    $paths['public'] = isset($core['file_public_path']) ? (string) $core['file_public_path'] : 'files';
    $paths['private'] = isset($core['file_private_path']) ? (string) $core['file_private_path'] : '';
    $own['salt'] = !empty($settings['hash_salt']);
    $own['settings'] = array_keys($config);
  }
  else {
    $paths['public'] = isset($conf['file_public_path']) ? $conf['file_public_path'] : '';
    $paths['private'] = isset($conf['file_private_path']) ? $conf['file_private_path'] : '';
    $own['salt'] = !empty($drupal_hash_salt);
    $own['settings'] = array_keys($conf);
  }
}
while (ob_get_level()) {
  ob_end_clean();
}

// Replaces each expression that requires or includes wp-settings.php, which starts WordPress, by TRUE.
function aegir_without_start($text) {
  if (!function_exists('token_get_all')) {
    return preg_replace('/\b(require|include)(_once)?\b[^;]*?wp-settings\.php[^;]*;/i', 'TRUE;', $text);
  }
  $kept = $statement = '';
  $depth = -1;
  foreach (token_get_all($text) as $token) {
    list($kind, $piece) = is_array($token) ? $token : [$token, $token];
    if ($depth >= 0) {
      $depth += $kind === '(' ? 1 : ($kind === ')' ? -1 : 0);
      if ($depth >= 0 && $kind !== ';' && $kind !== T_CLOSE_TAG) {
        $statement .= $piece;
        continue;
      }
      $kept .= strpos($statement, 'wp-settings.php') === FALSE ? $statement : 'TRUE';
      $depth = -1;
    }
    if (in_array($kind, [T_REQUIRE, T_REQUIRE_ONCE, T_INCLUDE, T_INCLUDE_ONCE], TRUE)) {
      $depth = 0;
      $statement = $piece;
    }
    else {
      $kept .= $piece;
    }
  }
  return $kept;
}

// Opens the database as the site does.
function aegir_open(array $db) {
  $dsn = 'mysql:' . ($db['socket'] !== '' ? "unix_socket={$db['socket']}" : "host={$db['host']}")
    . ($db['socket'] === '' && $db['port'] !== '' ? ";port={$db['port']}" : '') . ";dbname={$db['name']};charset=utf8mb4";
  return new PDO($dsn, $db['user'], $db['password'],
    [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 10]);
}
