<?php
// Prints a dump of the site's database. Input: what settings.php gives, and in $in the kinds of objects that there are.
// The password is in a file that nobody else may read, and for as long as the dump takes.
$file = tempnam(sys_get_temp_dir(), 'aegir');
chmod($file, 0600);
register_shutdown_function(function () use ($file) {
  @unlink($file);
});
$quoted = function ($text) {
  return '"' . strtr($text, ['\\' => '\\\\', '"' => '\\"', "\n" => '\\n']) . '"';
};
$lines = ['[client]', 'user=' . $quoted($db['user']), 'password=' . $quoted($db['password'])];
$lines[] = $db['socket'] !== '' ? 'socket=' . $quoted($db['socket']) : 'host=' . $quoted($db['host']);
if ($db['socket'] === '' && $db['port'] !== '') {
  $lines[] = 'port=' . (int) $db['port'];
}
file_put_contents($file, implode("\n", $lines) . "\n");
$program = trim((string) shell_exec('command -v mysqldump || command -v mariadb-dump'));
$help = (string) shell_exec(escapeshellarg($program) . ' --help 2>/dev/null');
$options = ['--defaults-extra-file=' . $file, '--single-transaction', '--quick', '--triggers', '--hex-blob',
  // mysqldump of MySQL before 8.0 writes utf8 by default, with ? for each character of four bytes.
  '--default-character-set=utf8mb4', '--max-allowed-packet=1G'];
foreach (['--no-tablespaces' => 'no-tablespaces', '--column-statistics=0' => 'column-statistics'] as $option => $word) {
  if (strpos($help, $word) !== FALSE) {
    $options[] = $option;
  }
}
foreach (['routines', 'events'] as $kind) {
  if (!empty($in[$kind])) {
    $options[] = "--$kind";
  }
}
// The login's own ~/.my.cnf and ~/.mylogin.cnf are read after the file above and would overrule the site's account.
putenv('HOME=/nonexistent');
putenv('MYSQL_TEST_LOGIN_FILE=/nonexistent');
passthru(implode(' ', array_map('escapeshellarg', array_merge([$program], $options, [$db['name']]))), $status);
exit($status);
