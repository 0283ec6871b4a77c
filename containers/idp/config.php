<?php
// SimpleSAMLphp as an identity provider for trying federation out; never for people's real passwords.
$config = [
    'baseurlpath' => getenv('IDP_URL'),
    'certdir' => '/etc/idp/',
    'metadatadir' => '/opt/idp/metadata/',
    'loggingdir' => '/tmp/',
    'datadir' => '/tmp/',
    'tempdir' => '/tmp/simplesaml/',
    'session.phpsession.savepath' => '/tmp',
    'logging.handler' => 'errorlog',
    'secretsalt' => hash('sha256', (string) file_get_contents('/etc/idp/idp.key')),
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'enable.saml20-idp' => true,
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'module.enable' => ['exampleauth' => true, 'saml' => true, 'core' => true],
    'timezone' => 'UTC',
];
