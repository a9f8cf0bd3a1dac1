<?php
// Opens the site's database as the site will, and lists its tables. Input: $in; gives $pdo and $tables.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$db = $in['database'];
try {
  $pdo = new PDO(
    "mysql:host={$db['host']};port={$db['port']};dbname={$db['name']};charset=utf8mb4",
    $db['user'], $db['password'], [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 10]
      + ($db['ca'] ? [PDO::MYSQL_ATTR_SSL_CA => $db['ca'], PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => TRUE] : [])
  );
}
catch (PDOException $fault) {
  fwrite(STDERR, 'the database does not let the site in from this machine: ' . $fault->getMessage() . "\n");
  exit(3);
}
$tables = $pdo->query('SHOW TABLES')->fetchAll(PDO::FETCH_COLUMN);
// A site that was installed before is never installed again.
if (!$tables && !empty($in['known'])) {
  echo "::empty\n";
  exit(0);
}
