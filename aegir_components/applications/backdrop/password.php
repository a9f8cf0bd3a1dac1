<?php
// Gives an account of a Backdrop site a password, by core's own functions. Input: $in, and boot.php.
$account = user_load_by_name($in['admin']);
if ($account) {
  $account->pass = $in['password'];
  $account->save();
}
ob_end_clean();
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
echo "::changed\n";
