<?php
// Installs a site of Drupal 8 or later by core's own installer. Input: $in, and what open-database.php gives.
// Never touches a database that has tables.
if ($tables) {
  $done = FALSE;
  if (in_array('key_value', $tables, TRUE)) {
    $row = $pdo->query("SELECT value FROM key_value WHERE collection = 'state' AND name = 'install_task'")->fetchColumn();
    $done = is_string($row) && @unserialize($row, ['allowed_classes' => FALSE]) === 'done';
  }
  echo $done ? "::present\n" : '::half ' . count($tables) . "\n";
  exit(0);
}
$pdo = NULL;

chdir($in['docroot']);
// Core looks for translations in one directory of the site's files, and ends the installation where its server cannot be reached.
$language = $in['language'];
if ($language !== 'en') {
  preg_match("/const VERSION = '([^']+)'/", file_get_contents('core/lib/Drupal.php'), $core);
  $version = $core[1] ?? '';
  $place = 'sites/' . $in['host'] . '/files/translations';
  is_dir($place) || mkdir($place, 0775, TRUE);
  $major = (int) $version;
  $has = function () use ($place, $language, $major) {
    return (bool) glob("$place/drupal-$major.*.$language.po");
  };
  foreach (['translations', '../translations', 'sites/all/translations', 'profiles/*/translations'] as $below) {
    foreach (glob("$below/*.$language.po") ?: [] as $file) {
      $name = basename($file);
      // A second file for core would be taken at random.
      if (!preg_match('/^drupal-(\d+)\./', $name, $of) || ((int) $of[1] === $major && !$has())) {
        copy($file, "$place/$name");
      }
    }
  }
  $later = stream_context_create(['http' => ['timeout' => 20, 'user_agent' => 'aegir']]);
  foreach ($has() || !$version ? [] : [$version, preg_replace('/^(\d+\.\d+)\..*/', '$1.0', $version)] as $release) {
    $text = @file_get_contents("https://ftp.drupal.org/files/translations/all/drupal/drupal-$release.$language.po", FALSE, $later);
    if (is_string($text) && strpos($text, 'msgid') !== FALSE) {
      file_put_contents("$place/drupal-$release.$language.po", $text);
      break;
    }
  }
  $language = $has() ? $language : 'en';
}
$_SERVER += [
  'HTTP_HOST' => $in['host'],
  'SERVER_NAME' => $in['host'],
  'SERVER_PORT' => 80,
  'REMOTE_ADDR' => '127.0.0.1',
  'REQUEST_METHOD' => 'GET',
  'SERVER_SOFTWARE' => NULL,
  'HTTP_USER_AGENT' => 'aegir',
];
$_SERVER['REQUEST_URI'] = $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $in['docroot'] . '/index.php';
// Warnings of the installer's own go to the page that nobody sees.
ob_start();
$loader = require $in['docroot'] . '/autoload.php';
require_once $in['docroot'] . '/core/includes/install.core.inc';
install_drupal($loader, [
  'interactive' => FALSE,
  'site_path' => 'sites/' . $in['host'],
  'parameters' => ['profile' => $in['profile'], 'langcode' => $language],
  'forms' => [
    'install_configure_form' => [
      'site_name' => $in['title'],
      'site_mail' => $in['mail'],
      'account' => [
        'name' => $in['admin'],
        'mail' => $in['mail'],
        'pass' => ['pass1' => $in['password'], 'pass2' => $in['password']],
      ],
      'enable_update_status_module' => NULL,
      'enable_update_status_emails' => NULL,
    ],
  ],
]);
ob_end_clean();
echo $language === $in['language'] ? "::installed\n" : "::installed in English\n";
