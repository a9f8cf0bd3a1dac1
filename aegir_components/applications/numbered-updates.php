<?php
// What an update of Drupal 7 and of Backdrop have in common: how core runs numbered updates, and what is said of them.
function aegir_say($kind, $name, $text = '') {
  echo "\n::$kind $name " . base64_encode(substr(trim(strip_tags(html_entity_decode(strip_tags($text), ENT_QUOTES))), 0, 600)) . "\n";
}
function aegir_run_numbered_updates() {
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
}
