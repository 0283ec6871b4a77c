<?php
$entity = getenv('SP_ENTITY_ID');
$metadata[$entity] = [
    'AssertionConsumerService' => [
        ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', 'Location' => $entity . '/acs', 'index' => 0],
        ['Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:PAOS', 'Location' => $entity . '/ecp', 'index' => 1],
    ],
];
