<?php
// Lets a Drupal 7 site forget what it has kept of its pages, by core's own function. Input: $in, and boot.php.
// Addresses are made of it; here no request says whether it came by TLS.
$GLOBALS['base_url'] = $in['url'];
drupal_flush_all_caches();
ob_end_clean();
echo "::rebuilt\n";
