<?php
// Gives a Drupal 7 site's database the updates that it lacks, by core's own functions, as update.php does. Input: $in, and boot.php.
ob_end_clean();
$GLOBALS['base_url'] = $in['url'];
require_once DRUPAL_ROOT . '/includes/install.inc';
require_once DRUPAL_ROOT . '/includes/update.inc';
drupal_load_updates();
function aegir_say($kind, $name, $text = '') {
  echo "\n::$kind $name " . base64_encode(substr(trim(strip_tags(html_entity_decode(strip_tags($text), ENT_QUOTES))), 0, 600)) . "\n";
}
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
$aegir_start = array();
foreach (update_get_update_list() as $aegir_module => $aegir_found) {
  if (!empty($aegir_found['start'])) {
    $aegir_start[$aegir_module] = $aegir_found['start'];
  }
}
foreach (update_resolve_dependencies($aegir_start) as $aegir_function => $aegir_update) {
  if (!$aegir_update['allowed']) {
    aegir_say('failed', $aegir_function, 'an update that it depends on is missing: ' . implode(', ', $aegir_update['missing_dependencies']));
    exit(4);
  }
  $aegir_needs = isset($aegir_update['reverse_paths']) ? array_keys($aegir_update['reverse_paths']) : array();
  $context = array('sandbox' => array(), 'results' => array(), 'finished' => 1, 'message' => '');
  $aegir_begun = microtime(TRUE);
  do {
    $context['finished'] = 1;
    update_do_one($aegir_update['module'], $aegir_update['number'], $aegir_needs, $context);
    if (!empty($context['results']['#abort'])) {
      $aegir_said = '';
      array_walk_recursive($context['results'], function ($value, $key) use (&$aegir_said) {
        if ($key === 'query' && is_string($value)) {
          $aegir_said = $value;
        }
      });
      aegir_say('failed', $aegir_function, $aegir_said);
      exit(4);
    }
  } while ($context['finished'] < 1);
  aegir_say('ran', $aegir_function, sprintf('%.1f', microtime(TRUE) - $aegir_begun));
}
drupal_flush_all_caches();
echo "\n::done\n";
