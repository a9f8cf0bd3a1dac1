<?php
// Reads the database account of a site from its settings file, which it does not run, and writes options for a client.
$text = (string) file_get_contents(getenv('AEGIR_SETTINGS'));
$known = [
  'database' => ["'database' => ", "define('DB_NAME', "],
  'user' => ["'username' => ", "define('DB_USER', "],
  'password' => ["'password' => ", "define('DB_PASSWORD', "],
  'host' => ["'host' => ", "define('DB_HOST', "],
  'port' => ["'port' => "],
  'ca' => ["MYSQL_ATTR_SSL_CA => ", "'SSL_CERT_FILE=' . "],
];
$found = [];
foreach ($known as $key => $begins) {
  foreach ($begins as $begin) {
    if (preg_match('~' . preg_quote($begin, '~') . "(?:'((?:[^'\\\\]|\\\\.)*)'|([0-9]+))~", $text, $match)) {
      $found[$key] = $match[2] ?? strtr($match[1], ['\\\\' => '\\', "\\'" => "'"]);
      break;
    }
  }
}
if (!isset($found['database'], $found['user'], $found['password'], $found['host'])) {
  fwrite(STDERR, getenv('AEGIR_SETTINGS') . " names no database account\n");
  exit(1);
}
if (!isset($found['port'])) {
  [$found['host'], $found['port']] = explode(':', $found['host']) + [1 => '3306'];
}
$quoted = function (string $value): string {
  return '"' . addcslashes($value, "\\\"\n") . '"';
};
echo "[client]\n";
foreach (['user', 'password', 'host', 'port'] as $key) {
  echo $key, '=', $quoted($found[$key]), "\n";
}
if (isset($found['ca'])) {
  echo 'ssl-ca=', $quoted($found['ca']), "\nloose-ssl-verify-server-cert\n";
  echo getenv('AEGIR_CLIENT') === 'mariadb' ? '' : "loose-ssl-mode=VERIFY_IDENTITY\n";
}
echo "[mysql]\ndatabase=", $quoted($found['database']), "\n";
if (getenv('AEGIR_READ_ONLY')) {
  echo "init-command=\"SET SESSION TRANSACTION READ ONLY\"\n";
}
