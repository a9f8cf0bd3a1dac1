<?php
// Makes a one-time login of a WordPress site, which wp-config.php takes: good for 15 minutes, and once. Input: $in, and boot.php.
$name = $in['account'] === '' ? $in['admin'] : $in['account'];
$account = get_user_by('login', $name);
if (!$account && $in['account'] === '') {
  // Content that was brought in, or sanitised, has administrators of other names.
  $found = get_users(['role' => 'administrator', 'orderby' => 'ID', 'number' => 1]);
  $account = reset($found);
}
$key = bin2hex(random_bytes(24));
// The database has what proves the key, and not the key. A further link ends the one of before.
$kept = $account && update_user_meta($account->ID, 'aegir_login', (time() + 900) . ':' . hash('sha256', $key));
$link = $kept ? add_query_arg(['action' => 'aegir', 'user' => $account->ID, 'token' => $key], wp_login_url()) : '';
ob_end_clean();
if (!$account) {
  fwrite(STDERR, "the site has no account named $name\n");
  exit(4);
}
if (!$kept) {
  fwrite(STDERR, "the login of the account $name could not be noted in the database\n");
  exit(4);
}
echo "::link $link\n";
