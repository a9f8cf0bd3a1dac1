<?php
// Installs a site of Drupal 7 by core's own installer. Input: $in, and what open-database.php gives.
// Never touches a database that has tables.
$task = function ($pdo) {
  $row = $pdo->query("SELECT value FROM variable WHERE name = 'install_task'")->fetchColumn();
  return is_string($row) || is_resource($row) ? @unserialize($row, ['allowed_classes' => FALSE]) : NULL;
};
if ($tables) {
  $done = in_array('variable', $tables, TRUE) && $task($pdo) === 'done';
  echo $done ? "::present\n" : '::half ' . count($tables) . "\n";
  exit(0);
}

chdir($in['docroot']);
// Without its translation a language has English texts under another name.
$translated = (bool) glob('profiles/' . $in['profile'] . '/translations/{,*.}' . $in['language'] . '.po', GLOB_BRACE);
$_SERVER['REQUEST_URI'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $in['docroot'] . '/index.php';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
define('DRUPAL_ROOT', $in['docroot']);
define('MAINTENANCE_MODE', 'install');
// The installer may end the program itself, so that the database is asked what has been done.
register_shutdown_function(function () use ($pdo, $task) {
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
    echo "::installed\n";
    exit(0);
  }
  fwrite(STDERR, 'the installer ended before its end' . (is_string($state) ? ", after the task $state" : '') . "\n");
  exit(4);
});
// Warnings of the installer's own go to the page that nobody sees.
ob_start();
require_once DRUPAL_ROOT . '/includes/install.core.inc';
install_drupal([
  'interactive' => FALSE,
  'server' => [
    'url' => 'http://' . $in['host'] . '/index.php',
    'SERVER_NAME' => $in['host'],
    'REMOTE_ADDR' => '127.0.0.1',
    'REQUEST_METHOD' => 'GET',
    'SERVER_SOFTWARE' => 'aegir',
    'HTTP_USER_AGENT' => 'aegir',
  ],
  'parameters' => ['profile' => $in['profile'], 'locale' => $translated ? $in['language'] : 'en'],
  'forms' => [
    'install_configure_form' => [
      'site_name' => $in['title'],
      'site_mail' => $in['mail'],
      'account' => [
        'name' => $in['admin'],
        'mail' => $in['mail'],
        'pass' => ['pass1' => $in['password'], 'pass2' => $in['password']],
      ],
      'clean_url' => TRUE,
      // FALSE would be a choice that the form does not offer.
      'update_status_module' => [1 => NULL, 2 => NULL],
    ],
  ],
]);
