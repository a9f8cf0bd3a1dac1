<?php
// Gives a Drupal 8 or later site's database the updates that it lacks, by core's own functions, as update.php does. Input: $in.
// One phase a process, since core runs what comes after its numbered updates in a request of its own.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);
ini_set('display_errors', 'stderr');
chdir($in['docroot']);
$loader = require $in['docroot'] . '/autoload.php';
$aegir_server = ['SCRIPT_NAME' => '/update.php', 'SCRIPT_FILENAME' => $in['docroot'] . '/update.php'];
$aegir_request = Symfony\Component\HttpFoundation\Request::create($in['url'] . '/update.php', 'GET', [], [], [], $aegir_server);
Drupal\Core\DrupalKernel::bootEnvironment();
$aegir_kernel = new Drupal\Core\Update\UpdateKernel('prod', $loader, FALSE);
$aegir_kernel->setSitePath(Drupal\Core\DrupalKernel::findSitePath($aegir_request));
Drupal\Core\Site\Settings::initialize($in['docroot'], $aegir_kernel->getSitePath(), $loader);
$aegir_kernel->boot();
$aegir_kernel->getContainer()->get('request_stack')->push($aegir_request);
$aegir_kernel->preHandle($aegir_request);
require_once $in['docroot'] . '/core/includes/install.inc';
require_once $in['docroot'] . '/core/includes/update.inc';
drupal_load_updates();

$aegir_say = function (string $kind, string $name, string $text = ''): void {
  echo "\n::$kind $name " . base64_encode(substr(trim(strip_tags(html_entity_decode(strip_tags($text), ENT_QUOTES))), 0, 600)) . "\n";
};
// What an update says when it fails, and whether it did.
$aegir_failed = function (array $context, string $name) use ($aegir_say): bool {
  if (empty($context['results']['#abort'])) {
    return FALSE;
  }
  $said = '';
  array_walk_recursive($context['results'], function ($value, $key) use (&$said) {
    if ($key === 'query' && (is_string($value) || is_object($value) && method_exists($value, '__toString'))) {
      $said = (string) $value;
    }
  });
  $aegir_say('failed', $name, $said);
  return TRUE;
};
$aegir_run = function (string $name, callable $work) use ($aegir_say, $aegir_failed): bool {
  $context = ['sandbox' => [], 'results' => [], 'finished' => 1, 'message' => ''];
  $begun = microtime(TRUE);
  do {
    $context['finished'] = 1;
    $work($context);
    if ($aegir_failed($context, $name)) {
      return FALSE;
    }
  } while ($context['finished'] < 1);
  $aegir_say('ran', $name, sprintf('%.1f', microtime(TRUE) - $begun));
  return TRUE;
};

if ($in['phase'] === 'numbered') {
  foreach (update_check_requirements() as $aegir_name => $aegir_requirement) {
    if (($aegir_requirement['severity'] ?? 0) === 2) {
      $aegir_text = $aegir_requirement['description'] ?? $aegir_requirement['value'] ?? '';
      $aegir_text = is_array($aegir_text) ? \Drupal::service('renderer')->renderPlain($aegir_text) : (string) $aegir_text;
      $aegir_say('failed', "requirement:$aegir_name", ($aegir_requirement['title'] ?? '') . ': ' . $aegir_text);
      exit(4);
    }
  }
  $aegir_start = array_map(function ($found) { return $found['start']; }, update_get_update_list());
  $aegir_start = array_filter($aegir_start);
  $aegir_updates = update_resolve_dependencies($aegir_start);
  foreach ($aegir_updates as $aegir_function => $aegir_update) {
    if (!$aegir_update['allowed']) {
      $aegir_say('failed', $aegir_function, 'an update that it depends on is missing: ' . implode(', ', $aegir_update['missing_dependencies'] ?? []));
      exit(4);
    }
    $aegir_needs = array_keys($aegir_update['reverse_paths'] ?? []);
    if (!$aegir_run($aegir_function, function (array &$context) use ($aegir_update, $aegir_needs) {
      update_do_one($aegir_update['module'], $aegir_update['number'], $aegir_needs, $context);
    })) {
      exit(4);
    }
  }
}
else {
  foreach (\Drupal::service('update.post_update_registry')->getPendingUpdateFunctions() as $aegir_function) {
    if (!$aegir_run($aegir_function, function (array &$context) use ($aegir_function) {
      update_invoke_post_update($aegir_function, $context);
    })) {
      exit(4);
    }
  }
}
drupal_flush_all_caches();
echo "\n::done\n";
