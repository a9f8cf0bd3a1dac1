<?php

// Written by aegir for a.example; a change by hand is drift. Your own settings belong into local.settings.php beside it.
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
$settings['hash_salt'] = 'salt';
$settings['trusted_host_patterns'] = [
  '^a\\.example$',
];
$settings['file_public_path'] = 'sites/a.example/files';
$settings['file_private_path'] = '/var/aegir/platforms/.sites/a.example/private';
$settings['file_temp_path'] = '/var/aegir/platforms/.sites/a.example/tmp';
$settings['config_sync_directory'] = '/var/aegir/platforms/.sites/a.example/config';
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
