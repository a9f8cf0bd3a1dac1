<?php

// Written by aegir for a.example; a change by hand is drift. Your own settings belong into local.settings.php beside it.
// While its database or code is exchanged the site's visitors wait, and its own programs rest (deploy/closing.py). A site
// that open_basedir keeps from looking is closed by its web server instead.
$aegir_door = $_SERVER['HTTP_X_AEGIR_DOOR'] ?? '';
if (@is_file('/var/lib/aegir/updating/a.example') && !(PHP_SAPI === 'cli' ? getenv('AEGIR_COPY') : is_string($aegir_door) && preg_match('/^[0-9a-f]{32}$/D', $aegir_door) && @is_file('/var/lib/aegir/closed/a.example.' . $aegir_door))) {
  if (PHP_SAPI === 'cli') {
    file_put_contents('php://stderr', "This site is being updated. Try again in a minute.\n");
    exit(75);
  }
  for ($aegir_wait = 0; $aegir_wait < 500 && @is_file('/var/lib/aegir/updating/a.example'); $aegir_wait++) {
    usleep(50000);
    clearstatcache(TRUE, '/var/lib/aegir/updating/a.example');
  }
  header('Cache-Control: no-store');
  if (@is_file('/var/lib/aegir/updating/a.example')) {
    header('Retry-After: 30', TRUE, 503);
    exit("This site is being updated. Please come again in a moment.\n");
  }
  // What this process has begun with may be of before: the visitor asks again, with the same method and form.
  header('Location: /' . ltrim($_SERVER['REQUEST_URI'] ?? '', '/\\'), TRUE, 307);
  exit;
}
unset($aegir_door);
// An update is tried on a copy of the database: its program is told which, in a file that is the site's alone.
$aegir_copy = PHP_SAPI === 'cli' && getenv('AEGIR_COPY') ? json_decode((string) file_get_contents(getenv('AEGIR_COPY')), TRUE) : [];
$databases['default']['default'] = [
  'driver' => 'mysql',
  'database' => 'a_example_xdtukm3rua',
  'username' => 'a_example_xdtukm3rua',
  'password' => 'password',
  'host' => '10.0.0.3',
  'port' => 3306,
  'prefix' => '',
  'charset' => 'utf8mb4',
  'collation' => 'utf8mb4_general_ci',
  'init_commands' => ['isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
];
$drupal_hash_salt = 'salt';
// Under its own names the site links to the one that it is asked by; programs, which ask by none, get its address.
$aegir_names = [
  'a.example',
];
// Later releases of core reject requests by other names themselves.
$conf['trusted_host_patterns'] = [
  '^a\\.example$',
];
if (!in_array(strtolower(preg_replace('/:\d+$/', '', $_SERVER['HTTP_HOST'] ?? '')), $aegir_names, TRUE)) {
  $base_url = 'http://a.example';
}
$conf['file_public_path'] = 'sites/a.example/files';
$conf['file_private_path'] = '/var/aegir/platforms/.sites/a.example/private';
$conf['file_temporary_path'] = '/var/aegir/platforms/.sites/a.example/tmp';
$update_free_access = FALSE;
// Code is the platform's: it changes with a release and on every web server alike.
$conf['allow_authorize_operations'] = FALSE;
// What core proposes for files that are not there: a page of some bytes instead of a whole one.
$conf['404_fast_paths_exclude'] = '/\/(?:styles)|(?:system\/files)\//';
$conf['404_fast_paths'] = '/\.(?:txt|png|gif|jpe?g|css|js|ico|swf|flv|cgi|bat|pl|dll|exe|asp)$/i';
$conf['404_fast_html'] = '<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>';
if (is_readable(__DIR__ . '/local.settings.php')) {
  include __DIR__ . '/local.settings.php';
}
if ($aegir_copy) {
  $databases['default']['default'] = $aegir_copy + $databases['default']['default'];
}
unset($aegir_copy);
