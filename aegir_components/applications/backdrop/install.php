<?php
// Installs a site of Backdrop by core's own installer. Input: $in, and what open-database.php gives.
// Never touches a database that has tables.
$task = function ($pdo) {
  $row = $pdo->query("SELECT value FROM state WHERE name = 'install_task'")->fetchColumn();
  return is_string($row) || is_resource($row) ? @unserialize($row, ['allowed_classes' => FALSE]) : NULL;
};
if ($tables) {
  $done = in_array('state', $tables, TRUE) && $task($pdo) === 'done';
  echo $done ? "::present\n" : '::half ' . count($tables) . "\n";
  exit(0);
}

chdir($in['docroot']);
// Core looks for translations in one directory of the site's files.
$language = $in['language'];
if ($language !== 'en') {
  $place = 'sites/' . $in['host'] . '/files/translations';
  is_dir($place) || mkdir($place, 0775, TRUE);
  foreach (glob("translations/{backdropcms,backdrop}*.$language.po", GLOB_BRACE) ?: [] as $file) {
    copy($file, "$place/" . basename($file));
  }
  $language = glob("$place/*.$language.po") ? $language : 'en';
}
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $in['docroot'] . '/index.php';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
define('BACKDROP_ROOT', $in['docroot']);
define('MAINTENANCE_MODE', 'install');
// The installer may end the program itself, so that the database is asked what has been done.
register_shutdown_function(function () use ($pdo, $task, $language, $in) {
  while (ob_get_level()) {
    ob_end_clean();
  }
  try {
    $state = $task($pdo);
  }
  catch (Exception $fault) {
    $state = NULL;
  }
  if ($state === 'done') {
    echo $language === $in['language'] ? "::installed\n" : "::installed in English\n";
    exit(0);
  }
  fwrite(STDERR, 'the installer ended before its end' . (is_string($state) ? ", after the task $state" : '') . "\n");
  exit(4);
});
// Warnings of the installer's own go to the page that nobody sees.
ob_start();
require_once BACKDROP_ROOT . '/core/includes/install.core.inc';
install_backdrop([
  'interactive' => FALSE,
  'server' => [
    'url' => 'http://' . $in['host'] . '/index.php',
    'SERVER_NAME' => $in['host'],
    'REMOTE_ADDR' => '127.0.0.1',
    'REQUEST_METHOD' => 'GET',
    'SERVER_SOFTWARE' => '',
    'HTTP_USER_AGENT' => 'aegir',
  ],
  'parameters' => ['profile' => $in['profile'], 'langcode' => $language],
  'forms' => [
    'install_configure_form' => [
      'site_name' => $in['title'],
      'account' => ['name' => $in['admin'], 'mail' => $in['mail'], 'pass' => $in['password']],
      'clean_url' => 1,
      // FALSE would be a choice that the form does not offer.
      'update_status_module' => [1 => NULL, 2 => NULL],
    ],
  ],
]);
// What the site writes as the sender of its mail.
config_set('system.core', 'site_mail', $in['mail']);
