<?php
// Lets a Drupal 8 or later site forget what it has kept of its pages and configuration, by core's own function. Input: $in, and boot.php.
drupal_flush_all_caches();
echo "::rebuilt\n";
