<?php
// Imports a Drupal 8 or later site's configuration from its directory, by core's own functions. Input: $in, and boot.php.
$aegir_sync = \Drupal::service('config.storage.sync');
if (!$aegir_sync->listAll()) {
  fwrite(STDERR, "the configuration directory is empty, and importing nothing would remove everything\n");
  exit(4);
}
$aegir_sync = \Drupal::service('config.import_transformer')->transform($aegir_sync);
$aegir_comparer = new Drupal\Core\Config\StorageComparer($aegir_sync, \Drupal::service('config.storage'), \Drupal::service('config.manager'));
if (!$aegir_comparer->createChangelist()->hasChanges()) {
  echo "\n::done\n";
  exit(0);
}
$aegir_parts = array_map(['Drupal', 'service'], [
  'event_dispatcher', 'config.manager', 'lock.persistent', 'config.typed', 'module_handler', 'module_installer', 'theme_handler',
  'string_translation', 'extension.list.module', 'extension.list.theme',
]);
$aegir_importer = new Drupal\Core\Config\ConfigImporter($aegir_comparer, ...$aegir_parts);
try {
  $aegir_importer->import();
}
catch (\Exception $aegir_fault) {
  fwrite(STDERR, strip_tags($aegir_fault->getMessage() . "\n" . implode("\n", $aegir_importer->getErrors())) . "\n");
  exit(4);
}
foreach ($aegir_importer->getErrors() as $aegir_error) {
  echo "\n::warned config " . base64_encode(substr(strip_tags((string) $aegir_error), 0, 300)) . "\n";
}
echo "\n::ran config " . base64_encode('0.0') . "\n";
echo "\n::done\n";
