<?php
// Says whether there is anything in the site's database. Input: what open-database.php gives.
echo $tables ? "::present\n" : "::empty\n";
