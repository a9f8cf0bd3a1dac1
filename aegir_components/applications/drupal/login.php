<?php
// Makes a one-time login of a Drupal 8 or later site, by core's own functions: good for a day, and until it is used. Input: $in, and boot.php.
$storage = Drupal::entityTypeManager()->getStorage('user');
$found = $in['account'] === '' ? [$storage->load(1)] : $storage->loadByProperties(['name' => $in['account']]);
$account = reset($found);
if (!$account || !$account->isActive()) {
  $who = $in['account'] === '' ? 'number 1' : "named {$in['account']}";
  fwrite(STDERR, "the site has no account $who" . ($account ? ' that is not blocked' : '') . "\n");
  exit(4);
}
echo '::link ' . user_pass_reset_url($account) . "/login\n";
