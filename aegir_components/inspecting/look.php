<?php
// Tells what the site has: database, directories, modules. Input: what settings.php gives. Passwords and content are not told.
$unpack = function ($text) {
  // PHP 5 has no second argument.
  return PHP_VERSION_ID < 70000 ? @unserialize($text) : @unserialize($text, ['allowed_classes' => FALSE]);
};
$told = ['own' => $own, 'fault' => isset($in['fault']) ? $in['fault'] : '', 'driver' => isset($db['driver']) ? $db['driver'] : ''];
if ($db && $db['driver'] === 'mysql') {
  $told['database'] = ['name' => $db['name'], 'prefix' => $db['prefix']];
  try {
    $pdo = aegir_open($db);
    $one = function ($sql, array $args = []) use ($pdo) {
      $asked = $pdo->prepare($sql);
      $asked->execute($args);
      return $asked->fetchAll(PDO::FETCH_NUM);
    };
    $cell = function ($sql, array $args = []) use ($one) {
      $rows = $one($sql, $args);
      return $rows[0][0];
    };
    $like = addcslashes($db['prefix'], '%_\\') . '%';
    $here = 'FROM information_schema.tables WHERE table_schema = DATABASE()';
    $own_tables = "$here AND table_name LIKE ? AND table_type = 'BASE TABLE'";
    $engines = $one("SELECT engine, COUNT(*) $here AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' GROUP BY engine");
    $told['database'] += [
      'version' => $cell('SELECT VERSION()'),
      'tables' => (int) $cell("SELECT COUNT(*) $own_tables", [$like]),
      'bytes' => (int) $cell("SELECT COALESCE(SUM(data_length + index_length), 0) $own_tables", [$like]),
      'others' => (int) $cell("SELECT COUNT(*) $here AND table_name NOT LIKE ?", [$like]),
      'engines' => array_column($engines, 1, 0),
      'views' => (int) $cell("SELECT COUNT(*) $here AND table_type = 'VIEW'"),
    ];
    foreach (['trigger', 'routine', 'event'] as $kind) {
      $count = "SELECT COUNT(*) FROM information_schema.{$kind}s WHERE {$kind}_schema = DATABASE()";
      $told['database'][$kind . 's'] = (int) $cell($count);
    }
    $table = function ($name) use ($db) {
      return '`' . str_replace('`', '``', $db['prefix'] . $name) . '`';
    };
    if ($in['application'] === 'wordpress') {
      $options = array_column($one('SELECT option_name, option_value FROM ' . $table('options') . " WHERE option_name IN"
        . " ('home', 'siteurl', 'blogname', 'active_plugins', 'stylesheet', 'db_version')"), 1, 0);
      $told['addresses'] = array_values(array_unique(array_filter([@$options['home'], @$options['siteurl']])));
      $told['title'] = (string) @$options['blogname'];
      $told['modules'] = array_values((array) $unpack(@$options['active_plugins']));
      $told['profile'] = '';
    }
    elseif ($in['application'] === 'drupal') {
      $values = array_column($one('SELECT name, data FROM ' . $table('config') . " WHERE collection = '' AND name IN"
        . " ('core.extension', 'system.site')"), 1, 0);
      $core = (array) $unpack(@$values['core.extension']);
      $site = (array) $unpack(@$values['system.site']);
      $told['modules'] = array_keys((array) @$core['module']);
      $told['profile'] = (string) @$core['profile'];
      $told['title'] = (string) @$site['name'];
    }
    elseif ($in['application'] === 'backdrop') {
      $told['modules'] = array_column($one('SELECT name FROM ' . $table('system') . " WHERE status = 1 AND type = 'module'"), 0);
      $told['title'] = isset($core['site_name']) ? (string) $core['site_name'] : '';
      $told['profile'] = isset($core['install_profile']) ? (string) $core['install_profile'] : '';
    }
    else {
      $told['modules'] = array_column($one('SELECT name FROM ' . $table('system') . " WHERE status = 1 AND type = 'module'"), 0);
      $variables = array_column($one('SELECT name, value FROM ' . $table('variable') . " WHERE name IN"
        . " ('site_name', 'install_profile', 'file_public_path', 'file_private_path')"), 1, 0);
      $read = function ($name) use ($variables, $unpack) {
        return isset($variables[$name]) ? (string) $unpack($variables[$name]) : '';
      };
      $told['title'] = $read('site_name');
      $told['profile'] = $read('install_profile');
      $paths['public'] = $paths['public'] !== '' ? $paths['public'] : $read('file_public_path');
      $paths['private'] = $paths['private'] !== '' ? $paths['private'] : $read('file_private_path');
    }
  }
  catch (PDOException $fault) {
    // Its text may name the account, and nothing worse.
    $told['unreached'] = $fault->getMessage();
  }
}
if ($in['application'] === 'drupal7' && $paths['public'] === '') {
  $paths['public'] = "$site_path/files";
}
$end = microtime(TRUE) + 60;
$default = $in['application'] === 'wordpress' ? getcwd() . '/wp-content/uploads' : "$site_path/files";
$closed = [];
foreach ($paths as $kind => $path) {
  if ($path === '') {
    continue;
  }
  $real = realpath($path);
  if ($real === FALSE && $path === $default && !is_link($path) && is_executable(dirname($path))) {
    // Nobody has uploaded anything yet.
    continue;
  }
  if ($real === FALSE || !is_dir($real) || !is_readable($real) || !is_executable($real)) {
    $told['unread'][$kind] = $real === FALSE ? $path : $real;
    continue;
  }
  $count = $size = 0;
  $whole = TRUE;
  try {
    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($real, FilesystemIterator::SKIP_DOTS),
      RecursiveIteratorIterator::LEAVES_ONLY, RecursiveIteratorIterator::CATCH_GET_CHILD) as $file) {
      $count++;
      try {
        $size += $file->isLink() || !$file->isFile() ? 0 : $file->getSize();
      }
      catch (RuntimeException $gone) {
        // A file that was removed meanwhile has no size.
      }
      if ($kind === 'public' && $file->getFilename() === '.htaccess' && aegir_denies($file->getPathname())) {
        $closed[] = $file->getPath();
      }
      if (microtime(TRUE) > $end) {
        $whole = FALSE;
        break;
      }
    }
  }
  catch (Exception $fault) {
    $told['unread'][$kind] = $real;
    continue;
  }
  $told['paths'][$kind] = ['path' => $real, 'files' => $count, 'bytes' => $size, 'whole' => $whole];
}
// Directories in the uploads that visitors cannot read there, but for those of the site's other kinds and hidden ones.
sort($closed);
$told['closed'] = $above = [];
foreach (isset($told['paths']) ? $told['paths'] : [] as $kind => $one) {
  if ($kind !== 'public') {
    $above[] = $one['path'] . '/';
  }
}
foreach ($closed as $path) {
  $below = (string) substr($path, strlen($told['paths']['public']['path']) + 1);
  $known = array_filter($above, function ($each) use ($path) {
    return strpos("$path/", $each) === 0;
  });
  if ($below !== '' && !$known && strpos("/$below", '/.') === FALSE && count($told['closed']) < 20) {
    $told['closed'][] = $below;
    $above[] = "$path/";
  }
}
$flag = defined('JSON_INVALID_UTF8_SUBSTITUTE') ? JSON_INVALID_UTF8_SUBSTITUTE : JSON_PARTIAL_OUTPUT_ON_ERROR;
echo "\n::told ", base64_encode(json_encode($told, $flag)), "\n";

// Says whether a .htaccess closes its directory: what it says of some files alone does not count.
function aegir_denies($file) {
  $text = (string) @file_get_contents($file, FALSE, NULL, 0, 65536);
  $some = '/^\s*<(Files(?:Match)?|If|Limit|LimitExcept)\s+(?!"?(?:\*|\.|\.\*|\^\.\*\$)"?\s*>).*?^\s*<\/\1>/ims';
  return (bool) preg_match('/^\s*(deny\s+from\s+all|require\s+(all\s+denied|valid-user|user|group|ip|host|local))\b/im',
    (string) preg_replace($some, '', $text));
}
