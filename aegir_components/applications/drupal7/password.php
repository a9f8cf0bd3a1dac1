<?php
// Gives an account of a Drupal 7 site a password, by core's own functions. Input: $in, and boot.php.
$account = user_load_by_name($in['admin']);
$saved = $account ? user_save($account, ['pass' => $in['password']]) : FALSE;
ob_end_clean();
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
if (!$saved) {
  fwrite(STDERR, "user_save: the account {$in['admin']} could not be saved\n");
  exit(4);
}
echo "::changed\n";
