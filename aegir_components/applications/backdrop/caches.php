<?php
// Lets a Backdrop site forget what it has kept of its pages and code, by core's own function. Input: $in, and boot.php.
backdrop_flush_all_caches();
ob_end_clean();
echo "::rebuilt\n";
