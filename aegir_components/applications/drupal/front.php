<?php
// Makes the front page of a Drupal 8 or later site, as a visitor gets it. Input: front-page.php and boot.php.
$aegir_page['database'] = (string) Drupal::database()->query('SELECT DATABASE()')->fetchField();
$aegir_response = $kernel->handle($request);
$aegir_page['status'] = $aegir_response->getStatusCode();
foreach ($aegir_response->headers->all() as $aegir_name => $aegir_values) {
  $aegir_page['headers'][$aegir_name] = implode(', ', $aegir_values);
}
print $aegir_response->getContent();
