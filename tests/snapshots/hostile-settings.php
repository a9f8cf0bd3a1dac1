<?php

// Written by aegir for xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; a change by hand is drift. Your own settings belong into local.settings.php beside it.
// While its database or code is exchanged the site's visitors wait, and its own programs rest (deploy/closing.py). A site
// that open_basedir keeps from looking is closed by its web server instead.
$aegir_door = $_SERVER['HTTP_X_AEGIR_DOOR'] ?? '';
if (@is_file('/var/lib/aegir/updating/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn') && !(PHP_SAPI === 'cli' ? getenv('AEGIR_COPY') : is_string($aegir_door) && preg_match('/^[0-9a-f]{32}$/D', $aegir_door) && @is_file('/var/lib/aegir/closed/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn.' . $aegir_door))) {
  if (PHP_SAPI === 'cli') {
    file_put_contents('php://stderr', "This site is being updated. Try again in a minute.\n");
    exit(75);
  }
  for ($aegir_wait = 0; $aegir_wait < 500 && @is_file('/var/lib/aegir/updating/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn'); $aegir_wait++) {
    usleep(50000);
    clearstatcache(TRUE, '/var/lib/aegir/updating/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn');
  }
  header('Cache-Control: no-store');
  if (@is_file('/var/lib/aegir/updating/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn')) {
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
  'database' => 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_qtaguyqipn',
  'username' => 'xxxxxxxxxxxxxxxxxxxxx_qtaguyqipn',
  'password' => 'it\'s \\ "$HOME" ${x} {{ y }} <?php ?> # ; 
	ü 🐍 \\\' \\',
  'host' => '10.0.0.3',
  'port' => 3306,
  'prefix' => '',
  'charset' => 'utf8mb4',
  'collation' => 'utf8mb4_general_ci',
  'init_commands' => ['isolation_level' => 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
];
$settings['hash_salt'] = 'it\'s \\ "$HOME" ${x} {{ y }} <?php ?> # ; 
	ü 🐍 \\\' \\';
$settings['trusted_host_patterns'] = [
  '^xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy$',
  '^0\\.example$',
];
$settings['file_public_path'] = 'sites/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy/files';
$settings['file_private_path'] = '/var/aegir/platforms/.sites/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn/private';
$settings['file_temp_path'] = '/var/aegir/platforms/.sites/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn/tmp';
$settings['config_sync_directory'] = '/var/aegir/platforms/.sites/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+qtaguyqipn/config';
// The release's path differs with each release, and so does what Drupal caches of its code.
$settings['deployment_identifier'] = substr(hash('sha256', DRUPAL_ROOT), 0, 16);
$settings['update_free_access'] = FALSE;
// What Drupal 11 does by default, and the status report of 10.3 and later asks for.
$settings['state_cache'] = TRUE;
$settings['rebuild_access'] = FALSE;
// A timer of the machine's runs cron; no visitor waits for it.
$config['automated_cron.settings']['interval'] = 0;
// Owner and modes of this directory are aegir's.
$settings['skip_permissions_hardening'] = TRUE;
if (is_readable(__DIR__ . '/local.settings.php')) {
  include __DIR__ . '/local.settings.php';
}
if ($aegir_copy) {
  $databases['default']['default'] = $aegir_copy + $databases['default']['default'];
}
unset($aegir_copy);
