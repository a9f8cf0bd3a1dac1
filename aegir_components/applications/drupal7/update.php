<?php
// Gives a Drupal 7 site's database the updates that it lacks, by core's own functions, as update.php does. Input: $in, boot.php and numbered-updates.php.
ob_end_clean();
$GLOBALS['base_url'] = $in['url'];
require_once DRUPAL_ROOT . '/includes/install.inc';
require_once DRUPAL_ROOT . '/includes/update.inc';
drupal_load_updates();
// Core asks a variable, which only an installation by a new core sets: a database that came from elsewhere does not have it.
$aegir_narrow = db_query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_collation NOT LIKE 'utf8mb4%' ORDER BY table_name")->fetchCol();
if (!$aegir_narrow && !variable_get('drupal_all_databases_are_utf8mb4', FALSE)) {
  variable_set('drupal_all_databases_are_utf8mb4', TRUE);
}
foreach (update_check_requirements_of_aegir() as $aegir_name => $aegir_requirement) {
  if ($aegir_name === 'database_charset' && $aegir_narrow) {
    aegir_say('failed', "requirement:$aegir_name", count($aegir_narrow) . ' tables are not in utf8mb4, such as ' . $aegir_narrow[0] . '. Convert each of them (aegir db SITE; ALTER TABLE ' . $aegir_narrow[0] . ' CONVERT TO CHARACTER SET utf8mb4), then run the update again');
    exit(4);
  }
  aegir_say('failed', "requirement:$aegir_name", ($aegir_requirement['title'] ?? '') . ': ' . ($aegir_requirement['description'] ?? ''));
  exit(4);
}
function update_check_requirements_of_aegir() {
  $found = module_invoke_all('requirements', 'update');
  return array_filter($found, function ($one) { return ($one['severity'] ?? 0) === REQUIREMENT_ERROR; });
}
aegir_run_numbered_updates();
drupal_flush_all_caches();
echo "\n::done\n";
