<?php
// Gives an account of a Drupal 8 or later site a password, by core's own functions. Input: $in, and boot.php.
$found = Drupal::entityTypeManager()->getStorage('user')->loadByProperties(['name' => $in['admin']]);
$account = reset($found);
if (!$account) {
  fwrite(STDERR, "the site has no account named {$in['admin']}\n");
  exit(4);
}
$account->setPassword($in['password'])->save();
echo "::changed\n";
