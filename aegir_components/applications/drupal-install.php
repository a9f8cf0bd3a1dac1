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
  'parameters' => ['profile' => $in['profile'], 'langcode' => $in['language']],
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
echo "::installed\n";
