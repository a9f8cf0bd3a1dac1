<?php
// Lets a WordPress site forget what it has kept: its object cache, and the pages that plugins keep. Input: $in, and boot.php.
// WordPress keeps no pages itself, and has no common word for it: these are the plugins' own, as their documentation names them.
foreach (['wp_cache_clear_cache', 'w3tc_flush_all', 'wpfc_clear_all_cache', 'rocket_clean_domain', 'sg_cachepress_purge_cache'] as $aegir_function) {
  if (function_exists($aegir_function)) {
    $aegir_function();
  }
}
foreach (['litespeed_purge_all', 'cache_enabler_clear_complete_cache', 'breeze_clear_all_cache', 'wphb_clear_page_cache'] as $aegir_action) {
  do_action($aegir_action);
}
// Some return nothing.
$done = wp_cache_flush() !== FALSE;
ob_end_clean();
if (!$done) {
  fwrite(STDERR, "wp_cache_flush: the object cache could not be emptied\n");
  exit(4);
}
echo "::rebuilt\n";
