<?php
// Gives a Backdrop site's database the updates that it lacks, by core's own functions, as update.php does. Input: $in, boot.php and numbered-updates.php.
ob_end_clean();
require_once BACKDROP_ROOT . '/core/includes/install.inc';
require_once BACKDROP_ROOT . '/core/includes/update.inc';
backdrop_load_updates();
foreach (module_invoke_all('requirements', 'update') as $aegir_name => $aegir_requirement) {
  if (($aegir_requirement['severity'] ?? 0) === REQUIREMENT_ERROR) {
    aegir_say('failed', "requirement:$aegir_name", ($aegir_requirement['title'] ?? '') . ': ' . ($aegir_requirement['description'] ?? $aegir_requirement['value'] ?? ''));
    exit(4);
  }
}
aegir_run_numbered_updates();
backdrop_flush_all_caches();
echo "\n::done\n";
