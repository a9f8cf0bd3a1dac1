<?php
// Makes a one-time login of a Backdrop site, by core's own functions: good for a day, and until it is used. Input: $in, and boot.php.
$account = $in['account'] === '' ? user_load(1) : user_load_by_name($in['account']);
$link = $account && $account->status ? user_pass_reset_url($account) : '';
ob_end_clean();
if (!$link) {
  $who = $in['account'] === '' ? 'number 1' : "named {$in['account']}";
  fwrite(STDERR, "the site has no account $who" . ($account ? ' that is not blocked' : '') . "\n");
  exit(4);
}
echo "::link $link/login\n";
