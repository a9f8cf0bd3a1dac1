<?php
// Gives an account of a WordPress site a password, by its own functions. Input: $in, and boot.php.
$account = get_user_by('login', $in['admin']);
// The login form compares the password with slashes added, as WordPress adds them to all that is posted.
if ($account) {
  wp_set_password(wp_slash($in['password']), $account->ID);
}
ob_end_clean();
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
echo "::changed\n";
