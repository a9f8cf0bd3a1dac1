<?php
// Tells what the site has: database, directories, modules. Input: what settings.php gives. Passwords and content are not told.
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
      $told['modules'] = array_values((array) @unserialize($options['active_plugins'], ['allowed_classes' => FALSE]));
      $told['profile'] = '';
    }
    elseif ($in['application'] === 'drupal') {
      $values = array_column($one('SELECT name, data FROM ' . $table('config') . " WHERE collection = '' AND name IN"
        . " ('core.extension', 'system.site')"), 1, 0);
      $core = (array) @unserialize($values['core.extension'], ['allowed_classes' => FALSE]);
      $site = (array) @unserialize($values['system.site'], ['allowed_classes' => FALSE]);
      $told['modules'] = array_keys((array) @$core['module']);
      $told['profile'] = (string) @$core['profile'];
      $told['title'] = (string) @$site['name'];
    }
    else {
      $told['modules'] = array_column($one('SELECT name FROM ' . $table('system') . " WHERE status = 1 AND type = 'module'"), 0);
      $variables = array_column($one('SELECT name, value FROM ' . $table('variable') . " WHERE name IN"
        . " ('site_name', 'install_profile', 'file_public_path', 'file_private_path')"), 1, 0);
      $read = function ($name) use ($variables) {
        return isset($variables[$name]) ? (string) @unserialize($variables[$name], ['allowed_classes' => FALSE]) : '';
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
foreach ($paths as $kind => $path) {
  $real = $path === '' ? FALSE : realpath($path);
  if ($real === FALSE || !is_dir($real)) {
    continue;
  }
  $count = $size = 0;
  $whole = TRUE;
  $flags = FilesystemIterator::SKIP_DOTS;
  foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($real, $flags),
    RecursiveIteratorIterator::LEAVES_ONLY, RecursiveIteratorIterator::CATCH_GET_CHILD) as $file) {
    $count++;
    $size += $file->isLink() || !$file->isFile() ? 0 : $file->getSize();
    if (microtime(TRUE) > $end) {
      $whole = FALSE;
      break;
    }
  }
  $told['paths'][$kind] = ['path' => $real, 'files' => $count, 'bytes' => $size, 'whole' => $whole];
}
$flag = defined('JSON_INVALID_UTF8_SUBSTITUTE') ? JSON_INVALID_UTF8_SUBSTITUTE : JSON_PARTIAL_OUTPUT_ON_ERROR;
echo "\n::told ", base64_encode(json_encode($told, $flag)), "\n";
